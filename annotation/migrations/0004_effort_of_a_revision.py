"""What each revision cost and changed. Nothing is known of those saved before: null, not a made-up 0."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0003_one_subject_for_all_spellings"),
    ]

    operations = [
        migrations.AddField("revision", "strokes", models.PositiveIntegerField(null=True)),
        migrations.AddField("revision", "clicks", models.PositiveIntegerField(null=True)),
        migrations.AddField("revision", "pixels_changed", models.PositiveIntegerField(null=True)),
        migrations.AddField("revision", "draft_dice", models.FloatField(null=True)),
    ]
