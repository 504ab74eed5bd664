"""How good the network is, against others trained alike: see docs/model.md, "Evidence"."""
