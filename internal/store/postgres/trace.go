package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tracer receives every statement to the server: of GORM, of the driver, and COPY.
type tracer func(statement string)

var (
	_ pgx.QueryTracer    = tracer(nil)
	_ pgx.CopyFromTracer = tracer(nil)
)

// TraceQueryStart passes a statement on.
func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	t(data.SQL)
	return ctx
}

// TraceQueryEnd does nothing, because results are not traced.
func (tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceCopyFromStart passes a COPY on, with its columns.
func (t tracer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	t("COPY " + strings.Join(data.TableName, ".") + " (" + strings.Join(data.ColumnNames, ", ") + ")")
	return ctx
}

// TraceCopyFromEnd does nothing, like TraceQueryEnd.
func (tracer) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}
