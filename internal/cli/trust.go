package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/pflag"
)

// trust says which certificates of https servers are taken.
type trust struct {
	ca       string
	insecure bool
}

func (t *trust) flags(flags *pflag.FlagSet) {
	flags.StringVar(&t.ca, "ca", "", "also trust the certificates in `FILE` (PEM), such as that of a local authority")
	flags.BoolVar(&t.insecure, "insecure-skip-verify", false, "accept any certificate; only for trying things out on this machine")
}

// config returns nil for what the system trusts.
func (t *trust) config() (*tls.Config, error) {
	switch {
	case t.insecure:
		return &tls.Config{InsecureSkipVerify: true}, nil
	case t.ca == "":
		return nil, nil
	}
	pem, err := os.ReadFile(t.ca)
	if err != nil {
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err
		}
		return nil, fmt.Errorf("--ca %s: %w", t.ca, err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca %s: it has no certificate in PEM form, which starts with -----BEGIN CERTIFICATE-----", t.ca)
	}
	return &tls.Config{RootCAs: roots}, nil
}
