use mtaio_monitoring_macros::trace;

#[trace(label = "other")]
fn unknown() {}

#[trace("name")]
fn a_bare_name() {}

#[trace(err, err)]
fn twice() -> Result<(), String> {
    Ok(())
}

#[trace(fields(rows))]
fn a_field_without_a_value() {}

#[trace(err)]
fn no_result() {}

fn main() {}
