package service

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/pkg/signature"
)

// maxSecrets is how many secrets of an endpoint can be in force at once.
const maxSecrets = 8

// A vault is what delivery.Endpoint.Sealed holds. Printed or logged, it shows
// nothing.
type vault struct {
	// Secrets sign, the newest first. It goes on; the others expire.
	Secrets       []sealedSecret    `json:"secrets"`
	Headers       map[string]string `json:"headers,omitempty"`
	Authorization string            `json:"authorization,omitempty"`
	Basic         *api.BasicAuth    `json:"basic,omitempty"`
}

type sealedSecret struct {
	Text  string    `json:"text"`
	Until time.Time `json:"until,omitzero"`
}

func (vault) Format(f fmt.State, _ rune) { fmt.Fprint(f, "vault ***") }
func (vault) LogValue() slog.Value       { return slog.StringValue("vault ***") }

func (v *vault) seal(ring *keyring.Ring, endpointID string) []byte {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(err) // it has texts and times only
	}
	return ring.Seal(plain, endpointID)
}

func openVault(ring *keyring.Ring, e *delivery.Endpoint) (*vault, error) {
	plain, err := ring.Open(e.Sealed, e.ID)
	if err != nil {
		return nil, fmt.Errorf("the secrets of endpoint %s: %w", e.ID, err)
	}
	v := &vault{}
	if json.Unmarshal(plain, v) != nil { // its error could quote a secret
		return nil, fmt.Errorf("the secrets of endpoint %s: %w", e.ID, keyring.ErrDamaged)
	}
	return v, nil
}

// Unseal returns the function that an engine needs as [delivery.Options].Unseal.
func Unseal(ring *keyring.Ring) func(e *delivery.Endpoint) (delivery.Sealed, error) {
	return func(e *delivery.Endpoint) (delivery.Sealed, error) {
		v, err := openVault(ring, e)
		if err != nil {
			return delivery.Sealed{}, err
		}
		secrets, err := v.parse()
		if err != nil {
			return delivery.Sealed{}, fmt.Errorf("the secrets of endpoint %s: %w", e.ID, err)
		}
		return delivery.Sealed{Secrets: secrets, Header: v.header()}, nil
	}
}

// Reseal returns the endpoint's secrets sealed with the ring's first key, and
// whether another key had sealed them before.
func Reseal(ring *keyring.Ring, e *delivery.Endpoint) ([]byte, bool, error) {
	sealed, changed, err := ring.Reseal(e.Sealed, e.ID)
	if err != nil {
		return nil, false, fmt.Errorf("the secrets of endpoint %s: %w", e.ID, err)
	}
	return sealed, changed, nil
}

// SealNew returns a new secret for an endpoint, sealed, instead of all that was secret
// of it.
func SealNew(ring *keyring.Ring, e *delivery.Endpoint) []byte {
	v := &vault{Secrets: []sealedSecret{{Text: signature.NewSecret().Text()}}}
	return v.seal(ring, e.ID)
}

func (v *vault) parse() ([]signature.Secret, error) {
	secrets := make([]signature.Secret, len(v.Secrets))
	for i, s := range v.Secrets {
		secret, err := signature.ParseSecret(s.Text)
		if err != nil {
			return nil, err
		}
		secrets[i] = secret.Until(s.Until)
	}
	return secrets, nil
}

func (v *vault) header() http.Header {
	h := make(http.Header, len(v.Headers)+1)
	for name, value := range v.Headers {
		h.Set(name, value)
	}
	switch {
	case v.Authorization != "":
		h.Set("Authorization", v.Authorization)
	case v.Basic != nil:
		h.Set("Authorization", "Basic "+v.basic())
	}
	return h
}

func (v *vault) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(v.Basic.Username + ":" + value(v.Basic.Password)))
}

// shown says of each secret in force what can be shown.
func (v *vault) shown(at time.Time) ([]api.SecretInfo, error) {
	secrets, err := v.parse()
	if err != nil {
		return nil, err
	}
	list := []api.SecretInfo{}
	for i, s := range secrets {
		if until := v.Secrets[i].Until; !expired(until, at) {
			list = append(list, api.SecretInfo{
				Signature: kindOf(v.Secrets[i].Text), PublicKey: optional(s.Public().Text()), ExpiresAt: optional(until),
			})
		}
	}
	return list, nil
}

func (v *vault) headerNames() []string {
	return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(v.Headers))))
}

// kindOf tells from a secret's prefix how it signs.
func kindOf(text string) api.SignatureKind {
	if len(text) > 5 && text[:5] == "whsk_" {
		return api.SignatureKindV1A
	}
	return api.SignatureKindV1
}

// newSecret makes a secret, or takes the one that was given. The error is for a
// person, and has nothing of the secret in it.
func newSecret(kind *api.SignatureKind, given *string, usual api.SignatureKind) (string, error) {
	if given == nil {
		if kind == nil {
			kind = &usual
		}
		if *kind == api.SignatureKindV1A {
			private, _ := signature.NewKeyPair()
			return private.Text(), nil
		}
		return signature.NewSecret().Text(), nil
	}
	secret, err := signature.ParseSecret(*given)
	switch {
	case err != nil:
		return "", errors.New(strings.TrimPrefix(err.Error(), "signature: "))
	case secret.Public().Text() == secret.Text():
		return "", fmt.Errorf("a public key (whpk_) can't sign; send the private key (whsk_)")
	case kind != nil && *kind != kindOf(secret.Text()):
		return "", fmt.Errorf("the secret doesn't fit to the signature: v1 takes whsec_, and v1a whsk_")
	}
	return secret.Text(), nil
}
