package rows

import "github.com/apache/arrow-go/v18/arrow"

// A companion column keeps, in the same row, the values of a column that do not fit its type: x__v_double those that are
// exactly a double, x__v_text all others, as the text of their JSON. A row has a value in at most one of them. It stands
// beside its column, nested or not.
const (
	DoubleSuffix = "__v_double"
	TextSuffix   = "__v_text"
)

// companionKey is the metadata key that marks a companion; its value is the name of the column it stands in for.
const companionKey = "gros.companion"

// DoubleCompanion is the field that keeps doubles which do not fit the column of this name.
func DoubleCompanion(name string) arrow.Field {
	return companion(name, DoubleSuffix, arrow.PrimitiveTypes.Float64)
}

// TextCompanion is the field that keeps all else that does not fit the column of this name.
func TextCompanion(name string) arrow.Field {
	return companion(name, TextSuffix, arrow.BinaryTypes.String)
}

func companion(name, suffix string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name + suffix, Type: t, Nullable: true, Metadata: arrow.MetadataFrom(map[string]string{companionKey: name})}
}

// CompanionOf returns the name of the column whose companion f is, "" if it is none.
func CompanionOf(f arrow.Field) string {
	name, _ := f.Metadata.GetValue(companionKey)
	return name
}
