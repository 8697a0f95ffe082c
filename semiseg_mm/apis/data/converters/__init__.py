"""Datasets as they are downloaded, made into folders of images and label maps."""
