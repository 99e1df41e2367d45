package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Load is what test/bench/load.ts says.
type Load struct {
	Address  string `json:"address"`
	Port     int    `json:"port"`
	Host     string `json:"host"`
	Path     string `json:"path"`
	Visitors int    `json:"visitors"`
	Stubborn bool   `json:"stubborn"`
	Work     struct {
		Kind    string  `json:"kind"`
		Seconds float64 `json:"seconds"`
		AtLeast int     `json:"atLeast"`
		Bytes   int     `json:"bytes"`
		// At most so many requests, in even steps of a millisecond; 0: as many as are answered.
		PerSecond float64 `json:"perSecond"`
	} `json:"work"`
}

// Result has seconds, bytes of bodies, and milliseconds.
type Result struct {
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	Seconds  float64 `json:"seconds"`
	Bytes    int     `json:"bytes"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
}

type crowd struct {
	load    Load
	poller  *poller
	address syscall.SockaddrInet4
	request []byte
	upload  int
	started time.Time
	until   time.Time
	active  int
	// Visitors whose next request is not due yet, and how many were asked in all.
	waiting []*visitor
	asked   int
	times   []time.Duration
	errors  int
	bytes   int
}

// A visitor keeps one connection, asks again as soon as it has its answer, and connects anew when an answer says `Connection: close`.
type visitor struct {
	crowd  *crowd
	conn   *conn
	asked  time.Time
	head   []byte
	left   int
	length int
	closes bool
}

func run(load Load) (Result, error) {
	p, err := newPoller()
	if err != nil {
		return Result{}, err
	}
	if load.Address == "" {
		load.Address = "127.0.0.1"
	}
	ip := net.ParseIP(load.Address).To4()
	if ip == nil {
		return Result{}, errors.New("no IPv4 address: " + load.Address)
	}
	if load.Path == "" {
		load.Path = "/"
	}
	c := &crowd{load: load, poller: p, address: syscall.SockaddrInet4{Port: load.Port, Addr: [4]byte(ip)}, active: load.Visitors}
	common := fmt.Sprintf("Host: %s\r\nUser-Agent: bench\r\n", load.Host)
	switch load.Work.Kind {
	case "requests":
		c.request = []byte("GET " + load.Path + " HTTP/1.1\r\n" + common + "\r\n")
	case "down":
		c.request = fmt.Appendf(nil, "GET /size/%d HTTP/1.1\r\n%s\r\n", load.Work.Bytes, common)
	case "up":
		c.request = fmt.Appendf(nil, "POST /upload HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n", common, load.Work.Bytes)
		c.upload = load.Work.Bytes
	default:
		return Result{}, errors.New("no such work: " + load.Work.Kind)
	}
	c.started = time.Now()
	c.until = c.started.Add(time.Duration(load.Work.Seconds * float64(time.Second)))
	for range load.Visitors {
		v := &visitor{crowd: c}
		if err := v.connect(); err != nil {
			return Result{}, err
		}
		c.next(v)
	}
	wait := 100
	if load.Work.PerSecond > 0 {
		wait = 1
	}
	for c.active > 0 {
		if err := p.once(wait); err != nil {
			return Result{}, err
		}
		c.release()
	}
	return c.result(), nil
}

// next lets a visitor ask, at once unless requests come at a pace.
func (c *crowd) next(v *visitor) {
	if c.load.Work.PerSecond == 0 {
		v.ask()
		return
	}
	c.waiting = append(c.waiting, v)
}

// release lets those ask whose turn it is, and at the end lets go those that wait.
func (c *crowd) release() {
	if len(c.waiting) == 0 {
		return
	}
	if now := time.Now(); !now.Before(c.until) {
		for _, v := range c.waiting {
			c.poller.close(v.conn)
		}
		c.active -= len(c.waiting)
		c.waiting = nil
		return
	}
	due := int(time.Since(c.started).Seconds()*c.load.Work.PerSecond) - c.asked
	for ; due > 0 && len(c.waiting) > 0; due-- {
		v := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.asked++
		v.ask()
	}
}

func (c *crowd) result() Result {
	seconds := time.Since(c.started).Seconds()
	slices.Sort(c.times)
	at := func(share float64) float64 {
		if len(c.times) == 0 {
			return 0
		}
		return c.times[min(len(c.times)-1, int(float64(len(c.times))*share))].Seconds() * 1000
	}
	return Result{Requests: len(c.times), Errors: c.errors, Seconds: seconds, Bytes: c.bytes, P50: at(0.5), P99: at(0.99)}
}

func (v *visitor) connect() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err = syscall.Connect(fd, &v.crowd.address); err != nil {
		return err
	}
	syscall.SetNonblock(fd, true)
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	v.conn = v.crowd.poller.add(fd, v)
	v.head, v.left, v.closes = nil, -1, false
	return nil
}

func (v *visitor) ask() {
	v.asked = time.Now()
	v.left = -1
	v.crowd.poller.send(v.conn, v.crowd.request, v.crowd.upload)
}

func (v *visitor) input(data []byte) bool {
	if v.left < 0 {
		if len(v.head) > 0 {
			data = append(v.head, data...)
		}
		end := bytes.Index(data, headEnd)
		if end < 0 {
			v.head = bytes.Clone(data)
			return true
		}
		head := data[:end]
		length, err := strconv.Atoi(string(field(head, "content-length")))
		if err != nil || !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
			return v.failed()
		}
		v.closes = saysClose(head)
		v.left, v.length = length, length
		data = data[end+len(headEnd):]
		v.head = nil
	}
	v.left -= len(data)
	if v.left > 0 {
		return true
	}
	return v.answered()
}

// answered counts; false ends the connection.
func (v *visitor) answered() bool {
	c := v.crowd
	now := time.Now()
	c.times = append(c.times, now.Sub(v.asked))
	if c.upload > 0 {
		c.bytes += c.upload
	} else {
		c.bytes += v.length
	}
	if !v.goesOn(now) {
		c.active--
		return false
	}
	if v.closes && !c.load.Stubborn {
		v.again()
		return true
	}
	c.next(v)
	return true
}

func (v *visitor) goesOn(now time.Time) bool {
	c := v.crowd
	return c.load.Work.Kind == "requests" && (now.Before(c.until) || len(c.times) < c.load.Work.AtLeast)
}

// again asks on a new connection.
func (v *visitor) again() {
	c := v.crowd
	c.poller.close(v.conn)
	if err := v.connect(); err != nil {
		c.errors++
		c.active--
		return
	}
	c.next(v)
}

func (v *visitor) failed() bool {
	c := v.crowd
	c.errors++
	if v.goesOn(time.Now()) {
		v.again()
	} else {
		c.poller.close(v.conn)
		c.active--
	}
	return true
}

func (v *visitor) ended() { v.failed() }
