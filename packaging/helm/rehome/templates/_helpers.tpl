{{- define "rehome.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "rehome.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rehome.labels" -}}
{{ include "rehome.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "rehome.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "rehome.account" -}}
{{ if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "rehome.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "rehome.elsewhere" -}}
{{ if or .Values.database.url .Values.database.existingSecret }}yes{{ end }}
{{- end }}

{{- define "rehome.checks" -}}
{{- if and (or (gt (int .Values.replicaCount) 1) .Values.autoscaling.enabled) (or (not (include "rehome.elsewhere" .)) (ne .Values.storage.type "s3")) }}
{{- fail "several replicas share one database and one bucket: set database.url or database.existingSecret, and storage.type: s3" }}
{{- end }}
{{- if and (eq .Values.storage.type "s3") (not .Values.storage.s3.bucket) }}{{ fail "storage.type is s3 and storage.s3.bucket is empty" }}{{ end }}
{{- if and .Values.tls.enabled (not .Values.tls.secretName) }}{{ fail "tls.enabled takes tls.secretName" }}{{ end }}
{{- if and .Values.database.url .Values.database.existingSecret }}{{ fail "give database.url or database.existingSecret, not both" }}{{ end }}
{{- end }}

{{/* What the server and the job of migrations have in common. */}}
{{- define "rehome.env" -}}
- name: REHOME_CONFIG
  value: /etc/rehome/config/server.toml
{{- if .Values.database.url }}
- name: REHOME_DATABASE
  value: {{ .Values.database.url | quote }}
{{- else if .Values.database.existingSecret }}
- name: REHOME_DATABASE
  valueFrom:
    secretKeyRef: { name: {{ .Values.database.existingSecret }}, key: url }
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "rehome.mounts" -}}
- { name: config, mountPath: /etc/rehome/config, readOnly: true }
- { name: secrets, mountPath: /etc/rehome/secrets, readOnly: true }
- { name: data, mountPath: /data/server }
- { name: tmp, mountPath: /tmp }
{{- if .Values.tls.enabled }}
- { name: tls, mountPath: /etc/rehome/tls, readOnly: true }
{{- end }}
{{- end }}

{{- define "rehome.volumes" -}}
- name: config
  configMap: { name: {{ include "rehome.name" . }} }
- name: secrets
  secret: { secretName: {{ .Values.existingSecret }}, defaultMode: 0440 }
- name: tmp
  emptyDir: {}
{{- if .Values.tls.enabled }}
- name: tls
  secret: { secretName: {{ .Values.tls.secretName }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{- define "rehome.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "rehome.pod-security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}
