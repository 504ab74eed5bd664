"""What can go wrong, each as a sentence a person can act on."""


class MlError(Exception):
    """Base of every refusal in `ml`: its text says what came, what was expected, what to do."""


class BadConfig(MlError):
    """A setting has an unknown name, a wrong type or an impossible value."""


class BadLabels(MlError):
    """A label schema is impossible, or a mask holds an index the schema does not know."""


class BadData(MlError):
    """A manifest, an image or a mask cannot be used as it is."""


class BadWeights(MlError):
    """A weights file is damaged, unsafe, or belongs to another architecture or other labels."""


class TrainingFailed(MlError):
    """Training cannot go on; the text gives the cause."""


class ExportFailed(MlError):
    """The exported network does not compute what the trained one does."""
