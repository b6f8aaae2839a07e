/** A Go program that the stack runs. */
export interface GoProgram {
  /** Folders beside this file whose contents decide the binary; the first holds the go.mod that pins it. */
  readonly folders: readonly [string, ...string[]];
  readonly package: string;
  /** Go variables set at link time. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** The Kubernetes that everything runs on, and a newer one, which hands tokens to drivers in another place. */
export const kubernetesVersions = { "1.34": "v1.34.4", "1.37": "v1.37.2" } as const;

export type KubernetesVersion = keyof typeof kubernetesVersions;

function kubernetes(version: KubernetesVersion) {
  const [major = "", minor = ""] = version.split(".");
  // Without a version, clients read v0.0.0-master and choke on it.
  const variables = {
    "k8s.io/component-base/version.gitVersion": kubernetesVersions[version],
    "k8s.io/component-base/version.gitMajor": major,
    "k8s.io/component-base/version.gitMinor": minor,
  };
  const part = (command: string): GoProgram => ({
    folders: [`kubernetes-${version}`],
    package: `k8s.io/kubernetes/cmd/${command}`,
    variables,
  });
  return {
    "kube-apiserver": part("kube-apiserver"),
    "kube-controller-manager": part("kube-controller-manager"),
    "kube-scheduler": part("kube-scheduler"),
    kubelet: part("kubelet"),
  };
}

const csiDriver = {
  package: "sigs.k8s.io/secrets-store-csi-driver/cmd/secrets-store-csi-driver",
  version: "sigs.k8s.io/secrets-store-csi-driver/pkg/version.BuildVersion",
} as const;

/** Every program of the stack; a new one is a new line here (and a `tool` line in its go.mod). */
export const programs = (version: KubernetesVersion) =>
  ({
    vault: { folders: ["vault"], package: "github.com/hashicorp/vault" },
    ...kubernetes(version),
    "csi-driver-1.6.0": {
      folders: ["csi-driver-1.6.0", "mlog"],
      package: csiDriver.package,
      variables: { [csiDriver.version]: "v1.6.0" },
    },
    "csi-driver-1.5.6": {
      folders: ["csi-driver-1.5.6", "mlog"],
      package: csiDriver.package,
      variables: { [csiDriver.version]: "v1.5.6" },
    },
    kubectl: {
      folders: ["kubectl"],
      package: "k8s.io/kubernetes/cmd/kubectl",
      variables: { "k8s.io/component-base/version.gitVersion": kubernetesVersions["1.34"] },
    },
    helm: {
      folders: ["helm"],
      package: "helm.sh/helm/v3/cmd/helm",
      variables: { "helm.sh/helm/v3/internal/version.version": "v3.19.0" },
    },
    actionlint: { folders: ["actionlint"], package: "github.com/rhysd/actionlint/cmd/actionlint" },
    promtool: { folders: ["promtool"], package: "github.com/prometheus/prometheus/cmd/promtool" },
    kubeconform: { folders: ["kubeconform"], package: "github.com/yannh/kubeconform/cmd/kubeconform" },
  }) as const satisfies Record<string, GoProgram>;

export type ProgramName = keyof ReturnType<typeof programs>;

/** Where each program's binary lies. */
export type Binaries = Readonly<Record<ProgramName, string>>;
