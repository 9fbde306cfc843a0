// storm THREADS CALLS: as storm.c, with the runtime's handlers.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

func timer(micros int64) {
	interval := [4]int64{0, micros, 0, micros}
	syscall.Syscall(syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&interval)), 0)
}

func main() {
	threads, _ := strconv.Atoi(os.Args[1])
	calls, _ := strconv.Atoi(os.Args[2])
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGALRM, syscall.SIGCHLD)
	go func() {
		for range signals {
		}
	}()
	timer(5000)
	var over atomic.Bool
	var children sync.WaitGroup
	children.Add(1)
	go func() {
		defer children.Done()
		for !over.Load() {
			exec.Command("true").Run()
		}
	}()
	var lock sync.Mutex
	outcomes := map[int]int{}
	var writers sync.WaitGroup
	for started := 0; started < threads; started++ {
		writers.Add(1)
		go func() {
			defer writers.Done()
			runtime.LockOSThread()
			fd, err := syscall.Open("/tmp/storm", syscall.O_CREAT|syscall.O_WRONLY|syscall.O_APPEND, 0o600)
			if err != nil {
				panic(err)
			}
			for call := 0; call < calls; call++ {
				_, err := syscall.Write(fd, []byte("x"))
				var number syscall.Errno
				errors.As(err, &number)
				lock.Lock()
				outcomes[int(number)]++
				lock.Unlock()
			}
		}()
	}
	writers.Wait()
	over.Store(true)
	children.Wait()
	timer(0)
	var errnos []int
	for errno := range outcomes {
		errnos = append(errnos, errno)
	}
	sort.Ints(errnos)
	for _, errno := range errnos {
		fmt.Printf("%d:%d ", errno, outcomes[errno])
	}
	fmt.Println()
}
