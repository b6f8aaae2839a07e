# What the quickstart takes from kind, Docker and a chart repository, which are not here, is stood in for:
# - kind's cluster is the suite's, on which the driver already runs; deleting it uninstalls keymount, as the function
#   `uninstall` of the test has it, and deletes the quickstart's namespaces;
# - `docker build` is the image that the suite has built from the same Dockerfile;
# - the driver's chart is rendered by helm, for the test to compare; it comes with the driver's Go module;
# - names of Services are the addresses to which CoreDNS and kube-proxy would lead.
# The rest is real: kubectl, helm, this repository's chart, the API server, the kubelet, the driver, and Vault in a pod.

trap 'echo "The command that failed: $BASH_COMMAND" >&2' ERR

kubectl() { "$KUBECTL" "${@//kubernetes.default.svc/$API_SERVER}"; }

kind() {
  case "$1 $2" in
  "create cluster") cluster=$4 ;;
  "load docker-image")
    [ "$3" = "$built" ] && [ "$5" = "$cluster" ] || { echo "kind: $3 was not built, or there is no cluster $5" >&2; return 1; }
    ctr --address="$CONTAINERD" --namespace=k8s.io images tag "$KEYMOUNT_IMAGE" "docker.io/library/$3"
    ;;
  "delete cluster")
    [ "$4" = "$cluster" ] || { echo "kind: there is no cluster $4" >&2; return 1; }
    uninstall
    "$KUBECTL" delete -f deploy/quickstart
    "$KUBECTL" delete namespace keymount
    ;;
  *) echo "kind: not stood in for: $*" >&2; return 1 ;;
  esac
}

docker() {
  [ "$1 $2" = "build -t" ] && [ -f "$4/Dockerfile" ] || { echo "docker: not stood in for: $*" >&2; return 1; }
  built=$3
}

helm() {
  local repository=https://kubernetes-sigs.github.io/secrets-store-csi-driver/charts chart=secrets-store-csi-driver
  if [ "$*" = "repo add $chart $repository" ]; then
    added=$chart/$chart
  elif [ "$1 $2" = "upgrade --install" ] && [ "$4" = "$added" ]; then
    "$HELM" template "$3" "$DRIVER_CHART" --kube-version="$KUBERNETES" "${@:5}" > "$DRIVER_OBJECTS"
  else
    local address
    address=$("$KUBECTL" get endpointslices --namespace vault --selector kubernetes.io/service-name=vault \
      -o jsonpath='{.items[0].endpoints[0].addresses[0]}')
    "$HELM" "${@//vault.vault.svc/$address}"
  fi
}
