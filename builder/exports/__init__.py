"""Exports of a trained model: formats/ has one class per format, extras/ one per addition to model.py.

Every export is run on random samples and compared with the model before it is kept.
"""
