"""What stands behind the check cells of the lessons: feedback in words, and one module a lesson."""
