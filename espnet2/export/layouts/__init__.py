"""Files of trained models as other runtimes read them."""
