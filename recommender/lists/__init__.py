"""The lists beside the recommendations: what is due again, what is similar, what is bought together."""
