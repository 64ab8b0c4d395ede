package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// forbidden are hosts of URLs that lead, or are meant to lead, to addresses that are
// not public. Those of 127.0.0.1 and ::1 have a listener behind them that nobody may
// reach; of the others it is enough that nothing is sent.
var forbidden = []string{
	"127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "127.255.255.254", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0x7f000001",
	"2130706433", "017700000001", "0.0.0.0", "0", "127.0.0.1.", "localhost", "localhost.", "LOCALHOST", "foo.localhost",
	"[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]",
	"[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001::f5ff:fffe]", "[::ffff:0:127.0.0.1]",
	"[fe80::5efe:127.0.0.1]", "[::1%25lo]",
	"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "169.254.169.254", "169.254.0.1",
	"[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]",
	"100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "192.0.2.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
	"255.255.255.255", "0.1.2.3", "[100::1]", "[2001:db8::1]",
	"１２７.0.0.1", "①②⑦.⓪.⓪.①", "127。0。0。1", "user@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1%2f@example.com",
}

// forgery has a service with its guard on. An address that is refused when it is
// saved gets nothing; a name that is accepted must not get anything, either, although
// events, tests and operational events are due to it.
func forgery(ctx context.Context, r *run) error {
	var reached atomic.Int64
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	server := &http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), // 200
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				reached.Add(1)
			}
		},
	}
	defer server.Close()
	go server.Serve(listener)
	for _, address := range []string{"127.0.0.2", "[::1]"} {
		if more, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, port)); err == nil {
			go server.Serve(more)
		}
	}
	// A flag of its own, so that the sinks' addresses are not allowed.
	p, err := r.serve(ctx, "--allow", "192.0.2.200/32")
	if err != nil {
		return err
	}
	defer p.kill()
	var wrong []string
	var robots []robot
	var ofRobots, ofOperator []string // endpoints that were saved
	for i, host := range forbidden {
		for _, operator := range []bool{false, true} {
			settings := object{"url": fmt.Sprintf("http://%s:%d/%d", host, port, i), "max_attempts": 2, "retry_delays": []int{1}, "timeout": 2}
			name := fmt.Sprintf("robot-%d", i)
			if operator {
				settings["operator"] = true
			} else {
				settings["robot_id"] = name
			}
			id, err := p.endpoint(ctx, settings)
			if err != nil {
				if !strings.Contains(err.Error(), ": 422: ") && !strings.Contains(err.Error(), ": 400: ") {
					return err
				}
				continue
			}
			var result struct{ Delivered bool }
			if err := p.call(ctx, http.MethodPost, "/v1/endpoints/"+id+"/test", object{}, &result); err != nil {
				return err
			}
			if result.Delivered {
				wrong = append(wrong, host)
			}
			if operator {
				ofOperator = append(ofOperator, id)
			} else {
				ofRobots = append(ofRobots, id)
				robots = append(robots, robot{payload: newPayload(name, 1<<10)})
			}
		}
	}
	r.note("forms of forbidden addresses", float64(len(forbidden)), "")
	r.note("of them, names that can only be judged at each attempt", float64(len(robots)), "")
	pub := newPublisher(&p.service)
	defer pub.close()
	for _, to := range robots {
		pub.insist(ctx, to, time.Now(), new(ledger)) // two failures, and so an operational event
	}
	events, err := p.attempted(ctx, ofRobots)
	if err != nil {
		return err
	}
	operational, err := p.attempted(ctx, ofOperator)
	if err != nil {
		return err
	}
	r.most("endpoints of robots without an attempt", float64(len(ofRobots)-events.endpoints), 0, "")
	r.most("endpoints of the operator without an attempt", float64(len(ofOperator)-operational.endpoints), 0, "")
	r.least("blocked attempts to deliver events", float64(events.blocked), 1, "")
	r.least("blocked attempts to deliver operational events", float64(operational.blocked), 1, "")
	r.most("attempts neither blocked nor without an address", float64(events.other+operational.other), 0, "")
	pause(ctx, time.Second) // the listener may be late to count
	r.most("test buttons that said delivered", float64(len(wrong)), 0, "")
	r.most("connections to forbidden addresses", float64(reached.Load()), 0, "")
	return p.stop()
}

// attempts are those that were made to some endpoints.
type attempts struct {
	endpoints int // that got one
	blocked   int
	other     int // those neither blocked nor to a name that doesn't resolve
}

// attempted waits until each endpoint got an attempt, and counts them.
func (s *service) attempted(ctx context.Context, endpoints []string) (all attempts, err error) {
	for _, id := range endpoints {
		found := false
		_, err := until(ctx, 20*time.Second, func() (bool, error) {
			deliveries, err := s.deliveries(ctx, url.Values{"endpoint_id": {id}})
			if err != nil || len(deliveries) == 0 {
				return false, err
			}
			var detail struct {
				Attempts []struct{ Outcome, Phase string }
			}
			// Deliveries are listed from the newest on; the oldest is attempted first.
			if err := s.call(ctx, http.MethodGet, "/v1/deliveries/"+deliveries[len(deliveries)-1].ID, nil, &detail); err != nil {
				return false, err
			}
			for _, a := range detail.Attempts {
				switch {
				case a.Outcome == "blocked":
					all.blocked++
				case a.Phase != "resolving":
					all.other++
				}
			}
			found = len(detail.Attempts) > 0
			return found, nil
		})
		if err != nil {
			return all, err
		}
		if found {
			all.endpoints++
		}
	}
	return all, nil
}
