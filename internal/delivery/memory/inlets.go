package memory

import (
	"context"
	"slices"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// inlet finds an inlet.
func (db *DB) inlet(is func(delivery.Inlet) bool) (*delivery.Inlet, error) {
	i := slices.IndexFunc(db.inlets, is)
	if i < 0 {
		return nil, delivery.ErrNotFound
	}
	return &db.inlets[i], nil
}

func withID(id string) func(delivery.Inlet) bool {
	return func(i delivery.Inlet) bool { return i.ID == id }
}

func (s *Store) Inlet(_ context.Context, id string) (delivery.Inlet, error) {
	return s.findInlet(withID(id))
}

func (s *Store) InletByHash(_ context.Context, hash [32]byte) (delivery.Inlet, error) {
	return s.findInlet(func(i delivery.Inlet) bool { return i.Hash == hash })
}

func (s *Store) findInlet(is func(delivery.Inlet) bool) (found delivery.Inlet, err error) {
	err = s.locked(func(time.Time) error {
		i, err := s.db.inlet(is)
		if err == nil {
			found = *i
		}
		return err
	})
	return found, err
}

func (s *Store) Inlets(_ context.Context, f delivery.InletFilter) (all []delivery.Inlet, err error) {
	err = s.locked(func(time.Time) error {
		for _, i := range s.db.inlets { // in the order of their ids
			if i.ID > f.After && (f.RobotID == "" || i.RobotID == f.RobotID) && (f.Limit <= 0 || len(all) < f.Limit) {
				all = append(all, i)
			}
		}
		return nil
	})
	return all, err
}

func (s *Store) CreateInlet(_ context.Context, i delivery.Inlet, a delivery.Audit) error {
	return s.locked(func(now time.Time) error {
		at, _ := slices.BinarySearchFunc(s.db.inlets, i.ID, func(i delivery.Inlet, id string) int {
			if i.ID < id {
				return -1
			}
			return 1
		})
		s.db.inlets = slices.Insert(s.db.inlets, at, i)
		s.db.audit(a, now)
		return nil
	})
}

func (s *Store) changeInlet(id string, a delivery.Audit, change func(*delivery.Inlet)) (changed delivery.Inlet, err error) {
	err = s.locked(func(now time.Time) error {
		i, err := s.db.inlet(withID(id))
		if err != nil {
			return err
		}
		change(i)
		changed = *i
		s.db.audit(a, now)
		return nil
	})
	return changed, err
}

func (s *Store) UpdateInlet(_ context.Context, with delivery.Inlet, a delivery.Audit) (delivery.Inlet, error) {
	return s.changeInlet(with.ID, a, func(i *delivery.Inlet) { i.Name, i.Zone, i.Locale = with.Name, with.Zone, with.Locale })
}

func (s *Store) RotateInlet(_ context.Context, id string, hash [32]byte, a delivery.Audit) (delivery.Inlet, error) {
	return s.changeInlet(id, a, func(i *delivery.Inlet) { i.Hash = hash })
}

func (s *Store) DeleteInlet(_ context.Context, id string, a delivery.Audit) error {
	return s.locked(func(now time.Time) error {
		if _, err := s.db.inlet(withID(id)); err != nil {
			return err
		}
		s.db.inlets = slices.DeleteFunc(s.db.inlets, withID(id))
		s.db.audit(a, now)
		return nil
	})
}

func (s *Store) NoteReceived(_ context.Context, id string) error {
	return s.locked(func(now time.Time) error {
		i, err := s.db.inlet(withID(id))
		if err == nil {
			i.LastReceived = now
		}
		return err
	})
}
