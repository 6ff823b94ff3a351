package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Longest paths of unix sockets, in octets (unix(7): sun_path).
const (
	longestSocket = 107
	longestAdmin  = 80 // others get their places beside it, with longer names
)

// path reads an absolute path: a daemon's working directory is none of an operator's concerns.
func (p *problems) path(key, value string) string {
	switch bare, isURI := strings.CutPrefix(value, "unix://"); {
	case value == "":
		p.add(key, value, "is missing: want an absolute path")
	case isURI:
		p.add(key, value, fmt.Sprintf("want the path alone, %q", bare))
	case !filepath.IsAbs(value) || strings.ContainsRune(value, 0):
		p.add(key, value, "want an absolute path, one that begins with a slash")
	}
	return value
}

func (p *problems) socket(key, value string, longest int) string {
	return p.notLonger(key, p.path(key, value), longest)
}

// secretFile checks that a file with a secret is there and that nobody but its owner reads it.
func (p *problems) secretFile(key, path string) string {
	p.checkFile(key, path, true)
	return path
}

func (p *problems) plainFile(key, path string) string {
	p.checkFile(key, path, false)
	return path
}

func (p *problems) checkFile(key, path string, secret bool) {
	info, err := os.Stat(path)
	switch {
	case path == "" || !filepath.IsAbs(path):
		p.path(key, path)
	case err != nil:
		p.add(key, path, "cannot be read: "+err.Error()+": correct the path, or create the file")
	case !info.Mode().IsRegular():
		p.add(key, path, "is no regular file: want the path of a file")
	case info.Size() == 0:
		p.add(key, path, "is empty: want a file with the key or certificate in it")
	case secret && info.Mode().Perm()&0o077 != 0:
		p.add(key, path, fmt.Sprintf("has mode %04o, so others can read the secret: chmod 600 it", info.Mode().Perm()))
	}
}
