"""The app: one module per step of the loop.

ingest → frames → drafts → corrections → review → datasets → training → registry
"""
