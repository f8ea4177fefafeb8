{{- define "csp.labels" -}}
app.kubernetes.io/name: csp
app.kubernetes.io/instance: {{ .release }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "csp.peers" -}}
{{- $release := .Release.Name -}}
{{- $peers := dict -}}
{{- range $name, $_ := .Values.services -}}
{{- $_ := set $peers $name (printf "http://%s-%s:8080" $release $name) -}}
{{- end -}}
{{ $peers | toJson }}
{{- end }}
