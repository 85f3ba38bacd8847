"""Episodes on disk: `store`, `loader`, `splits`, `augment`, `readers`. Import each from its own file."""
