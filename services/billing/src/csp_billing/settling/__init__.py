"""From positions and what became known since, to what each report is to show: the part that previews and closes share."""
