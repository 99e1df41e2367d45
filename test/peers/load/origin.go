package main

import (
	"bytes"
	"fmt"
	"strconv"
	"syscall"
)

var small = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello world\n")
var closing = bytes.Replace(small, []byte("Content-Type"), []byte("Connection: close\r\nContent-Type"), 1)
var headEnd = []byte("\r\n\r\n")

// An app is one connection: GET / 12 bytes, GET /close the same and the end, GET /size/N N bytes, POST /upload counts.
// Whoever asks for `Connection: close` gets it, in the answer too, as from every HTTP server.
type app struct {
	poller *poller
	conn   *conn
	head   []byte
	body   int
	length int
}

func (a *app) ended() {}

func (a *app) input(data []byte) bool {
	if len(a.head) > 0 {
		data = append(a.head, data...)
		a.head = nil
	}
	for len(data) > 0 {
		if a.body > 0 {
			taken := min(a.body, len(data))
			a.body -= taken
			data = data[taken:]
			if a.body == 0 {
				count := strconv.Itoa(a.length)
				a.poller.send(a.conn, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(count), count), 0)
			}
			continue
		}
		end := bytes.Index(data, headEnd)
		if end < 0 {
			a.head = bytes.Clone(data)
			return true
		}
		if !a.answer(data[:end]) {
			return false
		}
		data = data[end+len(headEnd):]
	}
	return true
}

func (a *app) answer(head []byte) bool {
	_, rest, _ := bytes.Cut(head, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	switch {
	case bytes.HasPrefix(path, []byte("/size/")):
		length, _ := strconv.Atoi(string(path[6:]))
		a.poller.send(a.conn, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", length), length)
	case string(path) == "/upload":
		a.length, _ = strconv.Atoi(string(field(head, "content-length")))
		a.body = a.length
	case string(path) == "/close" || saysClose(head):
		a.poller.send(a.conn, closing, 0)
		return false
	default:
		a.poller.send(a.conn, small, 0)
	}
	return true
}

func saysClose(head []byte) bool { return bytes.EqualFold(field(head, "connection"), []byte("close")) }

// field is the value of the first field of that name.
func field(head []byte, name string) []byte {
	for len(head) > 0 {
		line := head
		if end := bytes.IndexByte(head, '\n'); end >= 0 {
			line, head = head[:end], head[end+1:]
		} else {
			head = nil
		}
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

func serveOrigin() error {
	p, err := newPoller()
	if err != nil {
		return err
	}
	listen, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err = syscall.Bind(listen, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err = syscall.Listen(listen, 1024); err != nil {
		return err
	}
	bound, err := syscall.Getsockname(listen)
	if err != nil {
		return err
	}
	p.listen = listen
	p.accept = func() {
		for {
			fd, _, err := syscall.Accept4(listen, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
			if err != nil {
				return
			}
			syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
			a := &app{poller: p}
			a.conn = p.add(fd, a)
		}
	}
	syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, listen, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(listen)})
	fmt.Printf("listening %d\n", bound.(*syscall.SockaddrInet4).Port)
	for {
		if err := p.once(-1); err != nil {
			return err
		}
	}
}
