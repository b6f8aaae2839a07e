{{- define "keymount.name" -}}
{{- $name := .Values.nameOverride | default "keymount" -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "keymount.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default "keymount" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "keymount.labels" -}}
{{ include "keymount.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: secrets-store-csi-driver
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "keymount.serviceAccount" -}}
{{- if eq .Values.form "sidecar" -}}
{{- .Values.sidecar.serviceAccount -}}
{{- else -}}
{{- .Values.serviceAccount.name | default (include "keymount.name" .) -}}
{{- end -}}
{{- end -}}

{{- define "keymount.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "keymount.audiences" -}}
{{- .Values.tokenRequest.audiences | default (without .Values.vault.audiences "") | default (list .Values.provider) | toJson -}}
{{- end -}}

{{/* The socket directory of the driver, or of secrets-store-sync-controller. */}}
{{- define "keymount.sockets" -}}
{{- .Values.sockets.directory | default (printf "/var/run/secrets-store-%s-providers" (ternary "sync" "csi" (eq .Values.form "sidecar"))) -}}
{{- end -}}

{{/* The state directory, one for each provider, and another for one beside the controller on the same node. */}}
{{- define "keymount.state" -}}
{{- .Values.state.directory | default (printf "/run/keymount/%s%s" .Values.provider (ternary "-sync" "" (eq .Values.form "sidecar"))) -}}
{{- end -}}

{{/* Whether there are leased credentials: in a sidecar only where it knows when Mounts come. */}}
{{- define "keymount.holds" -}}
{{- if or (eq .Values.form "daemonset") .Values.sidecar.pollInterval -}}true{{- end -}}
{{- end -}}

{{/* Whether pods are watched: what a sidecar serves belongs to none. */}}
{{- define "keymount.watches" -}}
{{- if and (eq .Values.form "daemonset") .Values.podWatch.enabled -}}true{{- end -}}
{{- end -}}

{{/* The configuration file: the values, with `config` merged over them. */}}
{{- define "keymount.config" -}}
{{- mergeOverwrite (include "keymount.fileOfValues" . | fromYaml) (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{- define "keymount.fileOfValues" -}}
{{- $file := dict "providerName" .Values.provider "socketDir" (include "keymount.sockets" .) "keySecret" .Values.key.secretName "logLevel" .Values.logLevel "healthAddress" (printf ":%v" .Values.health.port) -}}
{{- with .Values.sockets.additionalDirectory -}}{{- $_ := set $file "additionalSocketDir" . -}}{{- end -}}
{{- if .Values.tokenRequest.fallback -}}
{{- $_ := set $file "tokenRequest" (dict "fallback" true "audiences" (include "keymount.audiences" . | fromJsonArray)) -}}
{{- end -}}
{{- if .Values.events.enabled -}}{{- $_ := set $file "events" true -}}{{- end -}}
{{- if include "keymount.holds" . -}}
{{- if .Values.state.enabled -}}{{- $_ := set $file "stateDir" (include "keymount.state" .) -}}{{- end -}}
{{- if and .Values.state.enabled .Values.state.onDisk -}}{{- $_ := set $file "stateOnDisk" true -}}{{- end -}}
{{- end -}}
{{- if include "keymount.watches" . -}}{{- $_ := set $file "podWatch" true -}}{{- end -}}
{{- if eq .Values.form "sidecar" -}}
{{- with .Values.sidecar.pollInterval -}}{{- $_ := set $file "syncPollInterval" . -}}{{- end -}}
{{- end -}}
{{- if .Values.vault.address -}}
{{- $connection := dict "addresses" (list .Values.vault.address) "auth" (dict "mount" .Values.vault.authMount) -}}
{{- with .Values.vault.aliases -}}{{- $_ := set $connection "aliases" . -}}{{- end -}}
{{- with .Values.vault.namespace -}}{{- $_ := set $connection "namespace" . -}}{{- end -}}
{{- with .Values.vault.audiences -}}{{- $_ := set $connection "audiences" . -}}{{- end -}}
{{- $tls := dict -}}
{{- if or .Values.vault.ca.configMap .Values.vault.ca.secret -}}{{- $_ := set $tls "caFile" "/etc/keymount/vault-ca/ca.crt" -}}{{- end -}}
{{- if .Values.vault.clientCertificate.secret -}}
{{- $_ := set $tls "certFile" "/etc/keymount/client-certificate/tls.crt" -}}
{{- $_ := set $tls "keyFile" "/etc/keymount/client-certificate/tls.key" -}}
{{- end -}}
{{- if $tls -}}{{- $_ := set $connection "tls" $tls -}}{{- end -}}
{{- $_ := set $file "connections" (dict "default" $connection) -}}
{{- end -}}
{{- $file | toYaml -}}
{{- end -}}

{{- define "keymount.check" -}}
{{- if not (or .Values.vault.address .Values.config.connections) -}}
{{- fail "no Vault: set vault.address, or connections in config" -}}
{{- end -}}
{{- /* helm sorts keys: the order in which they were written is lost. */ -}}
{{- $all := include "keymount.config" . | fromYaml -}}
{{- if not (or $all.default (hasKey $all.connections "default") (eq (len $all.connections) 1)) -}}
{{- fail (printf "config.default is missing: name the connection of SecretProviderClasses that name none (%s)" (keys $all.connections | sortAlpha | join ", ")) -}}
{{- end -}}
{{- if and (not .Values.vault.address) (or .Values.vault.ca.configMap .Values.vault.ca.secret .Values.vault.clientCertificate.secret) -}}
{{- fail "vault.ca and vault.clientCertificate are for the connection of vault.address, which is empty; mount the files with extraVolumes, and name them in the tls of the connections in config" -}}
{{- end -}}
{{- if and .Values.vault.ca.configMap .Values.vault.ca.secret -}}
{{- fail "vault.ca.configMap and vault.ca.secret cannot both be set; keep one" -}}
{{- end -}}
{{- $limits := $all.limits | default dict -}}
{{- $held := add (include "keymount.bytes" ($limits.bytes | default "16Mi")) (include "keymount.bytes" ($limits.inFlightBytes | default "20Mi")) -}}
{{- $heldMiB := div (add $held 1048575) 1048576 -}}
{{- $own := 24 -}}
{{- $room := sub (int .Values.heapMiB) $own -}}
{{- if gt $heldMiB $room -}}
{{- fail (printf "heapMiB %d has room for %d MiB of config.limits.bytes and config.limits.inFlightBytes, which are %d MiB together; lower them, or set heapMiB to %d" (int .Values.heapMiB) $room $heldMiB (add $heldMiB $own)) -}}
{{- end -}}
{{- $alerts := list -}}
{{- range (.Files.Get "monitoring/alerts.yaml" | fromYaml).groups -}}{{- range .rules -}}{{- $alerts = append $alerts .alert -}}{{- end -}}{{- end -}}
{{- range .Values.metrics.rules.disabled -}}
{{- if not (has . $alerts) -}}
{{- fail (printf "metrics.rules.disabled: %s is not an alert; there are %s" . (sortAlpha $alerts | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.sidecar.pollInterval (ne .Values.form "sidecar") -}}
{{- fail "sidecar.pollInterval has no effect without form: sidecar; set the form, or leave it out" -}}
{{- end -}}
{{- if eq .Values.form "sidecar" -}}
{{- if .Values.tokenRequest.fallback -}}
{{- fail "tokenRequest.fallback has no place in the form sidecar: the controller sends the tokens, and shares its service account" -}}
{{- end -}}
{{- if .Values.nonRoot.enabled -}}
{{- fail "nonRoot.enabled has no place in the form sidecar: the pod, and who may write its sockets' directory, are the controller's" -}}
{{- end -}}
{{- end -}}
{{- $file := include "keymount.fileOfValues" . | fromYaml -}}
{{- range $setting, $value := include "keymount.settingsOfValues" . | fromYaml -}}
{{- if and (hasKey $.Values.config $setting) (ne (get $.Values.config $setting | toJson) (get $file $setting | toJson)) -}}
{{- fail (printf "config.%s: the pod or its rights hang on it; set the value %s instead" $setting $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A size of the configuration file, 16Mi or 16777216, in bytes. */}}
{{- define "keymount.bytes" -}}
{{- if kindIs "string" . -}}
{{- mul (regexFind "^[0-9]+" . | int64) (get (dict "" 1 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824) (regexFind "[KMG]i$" .)) -}}
{{- else -}}
{{- int64 . -}}
{{- end -}}
{{- end -}}

{{/* Settings of the configuration file that also determine volumes, probes or permissions, and their values. */}}
{{- define "keymount.settingsOfValues" -}}
additionalSocketDir: sockets.additionalDirectory
endpoint: sockets.directory
events: events.enabled
healthAddress: health.port
keyFile: key.secretName
keySecret: key.secretName
podWatch: podWatch.enabled
providerName: provider
socketDir: sockets.directory
stateDir: state.directory
stateOnDisk: state.onDisk
syncPollInterval: sidecar.pollInterval
tokenRequest: tokenRequest.fallback
{{- end -}}

{{- define "keymount.container" -}}
name: keymount
image: {{ include "keymount.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if ne (int .Values.heapMiB) 64 }}
# The image's ENTRYPOINT with another heap.
command:
  - prlimit
  - --core=1
  - node
  - --disable-sigusr1
  - --single-threaded-gc
  - --no-page-promotion
  - --max-semi-space-size=4
  - --max-old-space-size={{ int .Values.heapMiB }}
  - /keymount/dist/keymount.js
{{- end }}
args:
  - serve
  - --config=/etc/keymount/keymount.yaml
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $node := or (include "keymount.watches" .) (and (include "keymount.holds" .) .Values.state.enabled) }}
{{- if or $node .Values.extraEnv }}
env:
  {{- if $node }}
  - name: NODE_NAME
    valueFrom:
      fieldRef:
        fieldPath: spec.nodeName
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
ports:
  - name: health
    containerPort: {{ .Values.health.port }}
livenessProbe:
  httpGet:
    path: /livez
    port: health
  {{- toYaml .Values.probes.liveness | nindent 2 }}
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  {{- toYaml .Values.probes.readiness | nindent 2 }}
startupProbe:
  httpGet:
    path: /livez
    port: health
  {{- toYaml .Values.probes.startup | nindent 2 }}
resources:
  {{- $memory := (.Values.resources.limits | default dict).memory | default (printf "%dMi" (add (int .Values.heapMiB) 96)) }}
  {{- mergeOverwrite (deepCopy .Values.resources) (dict "limits" (dict "memory" $memory)) | toYaml | nindent 2 }}
securityContext:
  {{- if .Values.nonRoot.enabled }}
  runAsNonRoot: true
  runAsUser: {{ .Values.nonRoot.id }}
  runAsGroup: {{ .Values.nonRoot.id }}
  {{- else }}
  runAsUser: 0
  runAsGroup: 0
  {{- end }}
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  privileged: false
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
  {{- with (.Values.seLinuxType | default (ternary "spc_t" "" .Values.openshift.enabled)) }}
  seLinuxOptions:
    type: {{ . }}
  {{- end }}
volumeMounts:
  {{- include "keymount.volumeMounts" . | nindent 2 }}
{{- end -}}

{{- define "keymount.volumeMounts" -}}
- name: config
  mountPath: /etc/keymount/keymount.yaml
  subPath: keymount.yaml
  readOnly: true
- name: sockets
  mountPath: {{ include "keymount.sockets" . }}
{{- with .Values.sockets.additionalDirectory }}
- name: additional-sockets
  mountPath: {{ . }}
{{- end }}
{{- if and (include "keymount.holds" .) .Values.state.enabled }}
- name: state
  mountPath: {{ include "keymount.state" . }}
{{- end }}
{{- if or .Values.vault.ca.configMap .Values.vault.ca.secret }}
- name: vault-ca
  mountPath: /etc/keymount/vault-ca
  readOnly: true
{{- end }}
{{- if .Values.vault.clientCertificate.secret }}
- name: client-certificate
  mountPath: /etc/keymount/client-certificate
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "keymount.volumes" -}}
- name: config
  configMap:
    name: {{ include "keymount.name" . }}
- name: sockets
  hostPath:
    path: {{ include "keymount.sockets" . }}
    type: DirectoryOrCreate
{{- with .Values.sockets.additionalDirectory }}
- name: additional-sockets
  hostPath:
    path: {{ . }}
    type: DirectoryOrCreate
{{- end }}
{{- if and (include "keymount.holds" .) .Values.state.enabled }}
- name: state
  hostPath:
    path: {{ include "keymount.state" . }}
    type: DirectoryOrCreate
{{- end }}
{{- with .Values.vault.ca.configMap }}
- name: vault-ca
  configMap:
    name: {{ . }}
    items:
      - key: {{ $.Values.vault.ca.key }}
        path: ca.crt
{{- end }}
{{- with .Values.vault.ca.secret }}
- name: vault-ca
  secret:
    secretName: {{ . }}
    items:
      - key: {{ $.Values.vault.ca.key }}
        path: ca.crt
{{- end }}
{{- with .Values.vault.clientCertificate.secret }}
- name: client-certificate
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
