package api

import (
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"bandstand/api/auth"
)

// describePermissions writes into doc who may call each operation. One without a
// rule is an error: nobody could call it.
func describePermissions(doc *huma.OpenAPI) error {
	var errs []error
	for path, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			rule, ok := auth.RuleOf(op.OperationID)
			if !ok {
				errs = append(errs, fmt.Errorf("the operation %s at %s has no rule in the table of permissions", op.OperationID, path))
				continue
			}
			op.Security = rule.Security()
			if op.Description != "" {
				op.Description += "\n\n"
			}
			op.Description += "For " + rule.String() + "."
		}
	}
	return errors.Join(errs...)
}

// operationsOf returns the operations at one path.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{}
	for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
		if op != nil {
			all = append(all, op)
		}
	}
	return all
}
