"""From labelled complaints to a judged, registered model version."""
