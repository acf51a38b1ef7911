"""What a class has to answer for: summaries, reviews, histories, and what is forgotten."""
