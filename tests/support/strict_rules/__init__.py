"""What providers refuse beside what their types say, each rule with its source: `problems(body)` names what is wrong."""
