"""The model: a small AAU-Net, its training, its evaluation, its predictions.

Works from the command line without Django and imports nothing of the app:
`python -m ml.train`, `python -m ml.evaluate`, `python -m ml.predict`.
Reading order: labels, config, model, losses, metrics, summary, data, augment, checkpoint, predict, evaluate, train.
"""
