"""What an application is made of, and how YAML says it."""
