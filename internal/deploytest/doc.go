// Package deploytest holds the files that Lethe is deployed with, Dockerfile,
// .dockerignore and docker-compose.yml, as tests: that the file is valid, that
// it fits the program's settings, and that it is as closed as it can be. It needs
// no Docker, so it is checked on every machine; it builds and runs nothing. It
// has no code that anything could call.
package deploytest
