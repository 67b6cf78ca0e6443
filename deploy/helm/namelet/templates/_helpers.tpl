{{- define "namelet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 50, since names of other things are made of it. */}}
{{- define "namelet.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "namelet.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "namelet.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "namelet.selector" -}}
app.kubernetes.io/name: {{ include "namelet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "namelet.labels" -}}
{{ include "namelet.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "namelet.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "namelet.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "namelet.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "namelet.controlSecret" -}}
{{- default (printf "%s-control" (include "namelet.fullname" .)) .Values.control.secretName }}
{{- end }}

{{- define "namelet.cookieSecret" -}}
{{- default (printf "%s-cookies" (include "namelet.fullname" .)) .Values.cookies.secretName }}
{{- end }}

{{- define "namelet.store" -}}
{{- if eq .Values.store.kind "spanner" }}
{{- printf "spanner:%s" .Values.store.spanner.database }}
{{- else }}bolt:/var/lib/namelet/responder.db
{{- end }}
{{- end }}

{{/* Whether each server has a claim of its own: then they are a StatefulSet. */}}
{{- define "namelet.stateful" -}}
{{- if and (eq .Values.store.kind "spanner") .Values.store.spanner.mirror.persistent }}yes{{ end }}
{{- end }}

{{/* What no schema can hold together. */}}
{{- define "namelet.check" -}}
{{- if eq .Values.store.kind "embedded" }}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) }}
{{- fail "store.kind embedded is a file that one server has: set replicas to 1 and autoscaling.enabled to false, or store.kind to spanner" }}
{{- end }}
{{- end }}
{{- $memory := include "namelet.bytes" .Values.resources.limits.memory | int64 }}
{{- if lt (sub $memory (int64 .Values.guestMemory)) 134217728 }}
{{- fail (printf "resources.limits.memory %s leaves less than 128Mi beside guestMemory %d: raise the one or lower the other" .Values.resources.limits.memory (int64 .Values.guestMemory)) }}
{{- end }}
{{- end }}

{{/* Octets of a quantity in Mi or Gi, which the schema wants. */}}
{{- define "namelet.bytes" -}}
{{- if hasSuffix "Gi" . }}{{ mul (trimSuffix "Gi" . | int64) 1073741824 }}{{ else }}{{ mul (trimSuffix "Mi" . | int64) 1048576 }}{{ end }}
{{- end }}

{{/* GOMEMLIMIT: nine tenths of what guests leave of the limit. */}}
{{- define "namelet.heap" -}}
{{- $memory := include "namelet.bytes" .Values.resources.limits.memory | int64 }}
{{- div (mul (sub $memory (int64 .Values.guestMemory)) 9) 10 }}
{{- end }}

{{- define "namelet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "namelet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "namelet.spread" -}}
- maxSkew: 1
  topologyKey: {{ .key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "namelet.selector" .root | nindent 6 }}
{{- end }}
