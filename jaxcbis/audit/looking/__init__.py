"""Runs trained on shifted windows: do they look at the lesion, with the term or without?"""
