// Package packaging holds what makes Debian packages of the daemons, and the tests of these and of docs/deploy.md: the walk-through
// is followed on machines of its own, each a fresh Debian under systemd (`make packages-test`).
package packaging
