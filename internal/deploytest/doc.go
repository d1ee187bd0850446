// Package deploytest tests the files that deploy Lethe (Dockerfile, .dockerignore and
// docker-compose.yml): that they are valid, agree with the program's settings, and grant
// as little as possible. It needs no Docker and builds and runs no image, so it runs on
// every machine. It contains only tests.
package deploytest
