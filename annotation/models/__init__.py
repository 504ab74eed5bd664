"""The rows. Models hold data and constraints; the step modules decide."""

from annotation.models.annotations import Annotation, Draft, Review, Revision
from annotation.models.clips import Clip, Frame, Subject, Upload
from annotation.models.datasets import DatasetItem, DatasetVersion, Export
from annotation.models.jobs import AuditEvent, Job
from annotation.models.learning import ModelVersion, RunMetric, TrainingRun
from annotation.models.projects import ApiToken, Label, Membership, Project, User
from annotation.models.proposals import Propagation, Proposal

__all__ = [
    "Annotation",
    "ApiToken",
    "AuditEvent",
    "Clip",
    "DatasetItem",
    "DatasetVersion",
    "Draft",
    "Export",
    "Frame",
    "Job",
    "Label",
    "Membership",
    "ModelVersion",
    "Project",
    "Propagation",
    "Proposal",
    "Review",
    "Revision",
    "RunMetric",
    "Subject",
    "TrainingRun",
    "Upload",
    "User",
]
