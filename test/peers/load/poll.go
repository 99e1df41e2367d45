package main

import (
	"syscall"
)

// A conn is a connection without blocking: what is to be written waits in out, then filler bytes follow.
type conn struct {
	fd     int
	out    []byte
	filler int
	asks   uint32
	owner  handler
}

type handler interface {
	// input gets what has come; false ends the connection.
	input(data []byte) bool
	// ended tells that the peer closed, or that the connection broke.
	ended()
}

type poller struct {
	fd     int
	events [256]syscall.EpollEvent
	conns  map[int32]*conn
	buffer [262144]byte
	accept func()
	listen int
}

var block = make([]byte, 262144)

func init() {
	for i := range block {
		block[i] = 'x'
	}
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &poller{fd: fd, conns: map[int32]*conn{}, listen: -1}, err
}

func (p *poller) add(fd int, owner handler) *conn {
	c := &conn{fd: fd, owner: owner, asks: syscall.EPOLLIN}
	p.conns[int32(fd)] = c
	syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: c.asks, Fd: int32(fd)})
	return c
}

func (p *poller) watch(c *conn, events uint32) {
	if c.asks == events {
		return
	}
	c.asks = events
	syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_MOD, c.fd, &syscall.EpollEvent{Events: events, Fd: int32(c.fd)})
}

func (p *poller) close(c *conn) {
	if c.fd < 0 {
		return
	}
	delete(p.conns, int32(c.fd))
	syscall.Close(c.fd)
	c.fd = -1
}

// send writes data, and then so many bytes of filler.
func (p *poller) send(c *conn, data []byte, filler int) {
	if len(c.out) == 0 {
		c.out = data[:len(data):len(data)] // never appended to in place: most are one constant
	} else {
		c.out = append(c.out, data...)
	}
	c.filler += filler
	p.flush(c)
}

func (p *poller) flush(c *conn) {
	for c.fd >= 0 && len(c.out)+c.filler > 0 {
		data := c.out
		if len(data) == 0 {
			data = block[:min(c.filler, len(block))]
		}
		n, err := syscall.Write(c.fd, data)
		if err != nil {
			if err == syscall.EAGAIN {
				p.watch(c, syscall.EPOLLIN|syscall.EPOLLOUT)
			}
			return // of anything else the read side tells
		}
		if len(c.out) > 0 {
			c.out = c.out[n:]
		} else {
			c.filler -= n
		}
	}
	if c.fd >= 0 {
		c.out = nil
		p.watch(c, syscall.EPOLLIN)
	}
}

// once waits for at most so long and handles what there is.
func (p *poller) once(milliseconds int) error {
	n, err := syscall.EpollWait(p.fd, p.events[:], milliseconds)
	if err == syscall.EINTR {
		return nil
	}
	if err != nil {
		return err
	}
	for _, event := range p.events[:n] {
		if int(event.Fd) == p.listen {
			p.accept()
			continue
		}
		c := p.conns[event.Fd]
		if c == nil {
			continue
		}
		if event.Events&syscall.EPOLLOUT != 0 {
			p.flush(c)
		}
		if event.Events&^uint32(syscall.EPOLLOUT) != 0 {
			p.read(c)
		}
	}
	return nil
}

func (p *poller) read(c *conn) {
	n, err := syscall.Read(c.fd, p.buffer[:])
	if err == syscall.EAGAIN {
		return
	}
	if n <= 0 {
		p.close(c)
		c.owner.ended()
		return
	}
	if !c.owner.input(p.buffer[:n]) {
		p.close(c)
	}
}
