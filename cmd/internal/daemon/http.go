package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"netlmm/cmd/internal/api"
)

// Query answers one method and path of the admin API, such as "GET /v1/status".
type Query func(ctx context.Context, parameters Parameters) (any, error)

// Parameters are what stands behind the question mark.
type Parameters url.Values

// Text returns a parameter, "" when it is absent.
func (p Parameters) Text(name string) string { return url.Values(p).Get(name) }

// Int returns an integer parameter, 0 when it is absent or none.
func (p Parameters) Int(name string) int {
	n, _ := strconv.Atoi(url.Values(p).Get(name))
	return n
}

// Admin is the admin API's unix socket, which only its owner can use.
type Admin struct{ listener net.Listener }

// OpenAdmin opens the socket. It comes first of what the configuration tells: a second daemon of the same one, in another network
// namespace, ends here.
func OpenAdmin(socket string) (*Admin, error) {
	listener, err := listenUnix(socket)
	if err != nil {
		return nil, err
	}
	return &Admin{listener}, nil
}

// Close ends an Admin that may not have been served.
func (a *Admin) Close() { _ = a.listener.Close() } // of one that was served there is nothing left to close

// Serve is the task that answers queries, by path.
func (a *Admin) Serve(queries map[string]Query) Task {
	mux := http.NewServeMux()
	for path, query := range queries {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { answer(w, r, query) })
	}
	return Task{Name: "admin API", Run: func(ctx context.Context) error { return serve(ctx, a.listener, mux) }}
}

func answer(w http.ResponseWriter, r *http.Request, query Query) {
	w.Header().Set("Content-Type", "application/json")
	result, err := query(r.Context(), Parameters(r.URL.Query()))
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		result = api.Error{Message: err.Error()}
	}
	// A client that went away is its own affair.
	_ = json.NewEncoder(w).Encode(result)
}

// listenUnix takes over a socket that a killed daemon left behind, and refuses one that still answers.
func listenUnix(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("admin socket %s: another daemon answers there: stop it, or choose another admin.socket", path)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("admin socket %s: there is a file of another kind: remove it, or choose another admin.socket", path)
		}
	}
	// The mode is set before anyone can connect: bind under a name of our own, then rename.
	private := fmt.Sprintf("%s.%d", path, os.Getpid())
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: private, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	listener.SetUnlinkOnClose(false)
	own, err := os.Lstat(private)
	if err = errors.Join(err, os.Chmod(private, 0o600), os.Rename(private, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("admin socket: %w", err), listener.Close(), os.Remove(private))
	}
	return &unlinker{Listener: listener, path: path, own: own}, nil
}

// unlinker removes its socket when it closes, and no other that has come into its place.
type unlinker struct {
	net.Listener
	path   string
	own    os.FileInfo
	closed sync.Once
}

func (u *unlinker) Close() (err error) {
	u.closed.Do(func() {
		// As long as the socket is open no other file gets its inode number.
		if there, gone := os.Lstat(u.path); gone == nil && os.SameFile(there, u.own) {
			err = os.Remove(u.path)
		}
		err = errors.Join(err, u.Listener.Close())
	})
	return err
}

// Metrics serves Prometheus text on a loopback port; with an empty listen it does nothing.
func Metrics(listen string, registry *prometheus.Registry) (Task, error) {
	if listen == "" {
		return Task{Name: "metrics", Run: func(context.Context) error { return nil }}, nil
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return Task{}, fmt.Errorf("metrics: %w: choose another metrics.listen", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return Task{Name: "metrics", Run: func(ctx context.Context) error { return serve(ctx, listener, mux) }}, nil
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
