"""What the API shows, one file per resource.

Customers' models have no field for cost or margin: a leak fails when the app is built.
"""
