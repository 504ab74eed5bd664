"""The web application around the annotation loop: settings, processes, addresses."""
