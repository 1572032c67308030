"""The sample workspace: data that a seeded generator makes, and questions that it answers."""
