// The pgx part of transactions.py: obeys a command on each line of standard input and answers each with a line of JSON,
// [class of the error, its SQLSTATE, result].
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type driver struct {
	connection  *pgx.Conn
	transaction pgx.Tx
}

// obey runs one command: begin, state, rollback, or run with a statement of one parameter.
func (d *driver) obey(ctx context.Context, command string) (result any, err error) {
	verb, statement, _ := strings.Cut(command, " ")
	switch verb {
	case "begin":
		d.transaction, err = d.connection.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		return nil, err
	case "run":
		return d.run(ctx, statement)
	case "state":
		return string(d.connection.PgConn().TxStatus()), nil
	case "rollback":
		return nil, d.transaction.Rollback(ctx)
	}
	return nil, fmt.Errorf("no such command: %s", command)
}

// run returns the first column of the first row, nil without rows.
func (d *driver) run(ctx context.Context, statement string) (any, error) {
	rows, err := d.transaction.Query(ctx, statement, 1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	values, err := rows.Values()
	if err != nil {
		return nil, err
	}
	rows.Close()
	return values[0], rows.Err()
}

// describe gives the class of an error and its SQLSTATE.
func describe(err error) (class, sqlstate string) {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &refused):
		return "PgError", refused.Code
	}
	return err.Error(), ""
}

func main() {
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close(ctx)
	session, answers := driver{connection: connection}, json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		result, err := session.obey(ctx, lines.Text())
		class, sqlstate := describe(err)
		if err := answers.Encode([]any{class, sqlstate, result}); err != nil {
			os.Exit(1)
		}
	}
}
