// Prints the IPv4 address of each name, or what the resolver says: none, later, or another error.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

func lookUp(name string) string {
	found, err := net.LookupHost(name)
	var refused *net.DNSError
	switch {
	case errors.As(err, &refused) && refused.IsNotFound:
		return "none"
	case errors.As(err, &refused) && (refused.IsTimeout || refused.IsTemporary):
		return "later"
	case err != nil:
		return err.Error()
	}
	for _, address := range found {
		if ip := net.ParseIP(address); ip != nil && ip.To4() != nil {
			return address
		}
	}
	return "only-v6"
}

func main() {
	found := []string{}
	for _, name := range os.Args[1:] {
		found = append(found, lookUp(name))
	}
	fmt.Println(strings.Join(found, " "))
}
