"""Ingest: uploaded bytes → frames, checked and hashed. Reads downward: sniff → decode (parent) → child →
video or stills → sink.

DICOM is recognised and refused in words; its reader will be `annotation/ingest/dicom.py`.
"""
