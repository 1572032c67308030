"""The templates that Skydeck ships: each a folder with template.json and train.py, an ordinary script-mode script."""
