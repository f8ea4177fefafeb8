"""Reports as people and machines take them: JSON, CSV, JSON Lines, Excel."""
