"""What a trained model is worth: classification figures, class activation maps, localisation."""
