"""HTTP itself: errors, limits, formats, strict parameters, what is observed of every request, the OpenAPI document."""
