package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

func writeFile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteString("x"); err != nil {
		return err
	}
	return file.Sync()
}

func dial() error {
	peer, err := net.Dial("tcp", "127.0.0.1:5432")
	if err == nil {
		peer.Close()
	}
	return err
}

func errno(err error) int {
	var number syscall.Errno
	if errors.As(err, &number) {
		return int(number)
	}
	return 0
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:7000")
	if err != nil {
		panic(err)
	}
	for {
		peer, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer peer.Close()
			if n, _ := peer.Read(make([]byte, 64)); n == 0 {
				return
			}
			a, b := errno(writeFile("/tmp/victim-a")), errno(writeFile("/tmp/victim-b"))
			c := errno(writeFile("/tmp/victim-c"))
			fmt.Fprintf(peer, "a=%d b=%d open=%d connect=%d\n", a, b, c, errno(dial()))
		}()
	}
}
