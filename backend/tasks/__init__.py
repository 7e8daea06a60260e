"""What tasks are: kinds, instructions and label schema of a dataset, practice, stored images, deletion."""
