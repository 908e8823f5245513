package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// Listeners takes over the sockets that systemd opened for this process, by their FileDescriptorName. It can be called once: the environment that tells of
// them is emptied, so that no child process takes them for its own. The caller closes the listeners. Nil when there are none; an error when a socket
// is no listening one or two have the same name.
func Listeners() (map[string]net.Listener, error) {
	return listeners(activation.Files(true))
}

func listeners(files []*os.File) (map[string]net.Listener, error) {
	var found map[string]net.Listener
	var errs []error
	for _, f := range files {
		name := f.Name()
		l, err := net.FileListener(f)
		errs = append(errs, f.Close()) // FileListener works on a copy
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("socket %q of systemd: %w", strings.TrimPrefix(name, "LISTEN_"), err))
			continue
		case found[name] != nil:
			errs = append(errs, fmt.Errorf("systemd gave two sockets named %q", name), l.Close())
			continue
		case found == nil:
			found = map[string]net.Listener{}
		}
		found[name] = l
	}
	if err := errors.Join(errs...); err != nil {
		for _, l := range found {
			l.Close()
		}
		return nil, err
	}
	return found, nil
}
