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

{{/* An embedded server has none beside it: the sooner it ends, the sooner it is back. */}}
{{- define "namelet.preStop" -}}
{{- dig "preStopSeconds" (ternary 0 30 (eq .Values.store.kind "embedded")) (default dict .Values.drain) | int64 }}
{{- end }}

{{- define "namelet.drain" -}}
{{- dig "seconds" (ternary 0 10 (eq .Values.store.kind "embedded")) (default dict .Values.drain) | int64 }}
{{- end }}

{{- define "namelet.migrateAccount" -}}
{{- default (printf "%s-migrate" (include "namelet.fullname" .)) .Values.store.spanner.migrate.serviceAccount.name }}
{{- end }}

{{/* What no schema can hold together. */}}
{{- define "namelet.check" -}}
{{- include "namelet.checkSettings" . }}
{{- include "namelet.checkResources" . }}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" (include "namelet.fullname" .)) }}
{{- fail (printf "a Service cannot be named %s-dns, since such names begin with a letter and have no dot: set fullnameOverride" (include "namelet.fullname" .)) }}
{{- end }}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" }}
{{- if hasKey (default dict $.Values.podLabels) $label }}
{{- fail (printf "podLabels: %s is set by the chart, whose Services select by it: leave it out" $label) }}
{{- end }}
{{- end }}
{{- $service := .Values.dns.service }}
{{- if and (ne $service.type "LoadBalancer") (or $service.loadBalancerClass $service.loadBalancerSourceRanges) }}
{{- fail (printf "dns.service.loadBalancerClass and loadBalancerSourceRanges are for type LoadBalancer, not %s: leave them out" $service.type) }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail (printf "autoscaling.minReplicas %d is more than maxReplicas %d" (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- end }}
{{- if eq .Values.store.kind "embedded" }}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) }}
{{- fail "store.kind embedded is a file that one server has: set replicas to 1 and autoscaling.enabled to false, or store.kind to spanner" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Settings that the rest of the chart goes by: elsewhere they would belie it. */}}
{{- define "namelet.checkSettings" -}}
{{- $own := dict
  "RESPONDER_LISTEN" "" "RESPONDER_METRICS_LISTEN" "" "RESPONDER_GUEST_CACHE" ""
  "RESPONDER_STORE" "store" "RESPONDER_GUEST_MEMORY" "guestMemory" "RESPONDER_DRAIN" "drain.seconds"
  "RESPONDER_PROXY_FROM" "dns.proxyFrom" "RESPONDER_COOKIE_SECRET_FILE" "cookies.secretName"
  "RESPONDER_DOT_LISTEN" "encrypted.dot" "RESPONDER_DOH_LISTEN" "encrypted.doh"
  "RESPONDER_TLS_CERT" "encrypted.secretName" "RESPONDER_TLS_KEY" "encrypted.secretName" }}
{{- if .Values.control.enabled }}
{{- $own = merge $own (dict "RESPONDER_CONTROL_LISTEN" "" "RESPONDER_CONTROL_TLS_CERT" "control.secretName"
  "RESPONDER_CONTROL_TLS_KEY" "control.secretName" "RESPONDER_CONTROL_TOKEN_FILE" "control.secretName") }}
{{- end }}
{{- $given := keys (default dict .Values.settings) }}
{{- range .Values.extraEnv }}
{{- $given = append $given .name }}
{{- end }}
{{- range $name := $given }}
{{- if hasKey $own $name }}
{{- $instead := get $own $name }}
{{- fail (printf "%s is set by the chart, whose ports and volumes go by it: %s" $name (ternary (printf "set %s" $instead) "leave it out" (ne $instead ""))) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Memory has to do for the kept answers and as much again beside those of guests, or Go
does nothing but collect garbage. */}}
{{- define "namelet.checkResources" -}}
{{- $limits := .Values.resources.limits }}
{{- $cache := dig "RESPONDER_CACHE_BYTES" 134217728 (default dict .Values.settings) | int64 }}
{{- $least := add (mul 2 $cache) 67108864 }}
{{- if lt (sub (include "namelet.bytes" $limits.memory | int64) (int64 .Values.guestMemory)) $least }}
{{- fail (printf "resources.limits.memory %s leaves less than %dMi beside guestMemory %d: raise the one, or lower the other or RESPONDER_CACHE_BYTES" $limits.memory (div $least 1048576) (int64 .Values.guestMemory)) }}
{{- end }}
{{- $requests := default dict .Values.resources.requests }}
{{- if and $requests.memory (gt (include "namelet.bytes" $requests.memory | int64) (include "namelet.bytes" $limits.memory | int64)) }}
{{- fail (printf "resources.requests.memory %s is more than the limit, %s" $requests.memory $limits.memory) }}
{{- end }}
{{- if and $requests.cpu (gt (include "namelet.millis" $requests.cpu | int64) (include "namelet.millis" $limits.cpu | int64)) }}
{{- fail (printf "resources.requests.cpu %v is more than the limit, %v" $requests.cpu $limits.cpu) }}
{{- end }}
{{- end }}

{{/* Thousandths of a CPU. */}}
{{- define "namelet.millis" -}}
{{- $cpu := toString . }}
{{- if hasSuffix "m" $cpu }}{{ trimSuffix "m" $cpu | int64 }}{{ else }}{{ mulf (float64 $cpu) 1000 | int64 }}{{ end }}
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
  # Those of one version: what is to go does not count.
  matchLabelKeys: [{{ ternary "controller-revision-hash" "pod-template-hash" (eq (include "namelet.stateful" .root) "yes") }}]
{{- end }}
